"""`make hosts`: several machines, as network namespaces of this one."""
