"""`make drift`: what somebody changes on a target is found, and on a clean fleet nothing is."""
