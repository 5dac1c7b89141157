"""The editor of products: cards in place of a document, and what saving would touch."""
