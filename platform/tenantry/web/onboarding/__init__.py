"""How clients come in: the wizard for one, and the table for many."""
