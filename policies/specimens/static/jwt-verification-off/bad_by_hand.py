import base64
import json


def claims(token):
    header, body, signature = token.split(".")
    return json.loads(base64.urlsafe_b64decode(body + "=="))
