"""The world behind the ports. Only `app` names these modules; nothing here knows rows or steps."""
