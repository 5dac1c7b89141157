"""One tenant's pages: how it stands, its checks, its log and what people did to it."""
