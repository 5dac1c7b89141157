"""
ports.Mailer through Flask-Mail: the one adapter that knows Flask, by a small app of its own.

Flask-Mail 0.10 knows no time-out, and a silent server would hold a worker for ever; its
connections are opened here with one. Headers are made of checked parts only.
"""

import re
import smtplib
import ssl
import threading
from collections.abc import Callable
from email.errors import HeaderParseError, MessageError
from email.headerregistry import Address
from typing import Any

from flask import Flask
from flask_mail import Connection, Mail, Message

from tenantry.adapters.streams import check_may_send
from tenantry.clock import monotonic
from tenantry.config import MailSettings
from tenantry.errors import Permanent, StepTrouble, Transient
from tenantry.ports import Letter

TIMEOUT = 20.0
MOST_RECIPIENTS = 20
LONGEST_SUBJECT = 200
LONGEST_WORDS = 300
PERMANENT = range(500, 600)
MESSAGE_ID = re.compile(r"<[!#-;=?A-~]+@[!#-;=?A-~]+>")
