# Reads an mbox or Maildir with Python's own mailbox and email, and says what it found: a line of JSON a message.
import email.policy
import hashlib
import json
import mailbox
import os
import sys

path = sys.argv[1]
factory = lambda f: email.message_from_binary_file(f, policy=email.policy.default)
if os.path.isdir(path):
    box = mailbox.Maildir(path, factory=factory, create=False)
else:
    box = mailbox.mbox(path, factory=factory, create=False)
for key in box.keys():
    if os.path.isdir(path):
        message = email.message_from_bytes(box.get_bytes(key), policy=email.policy.default)
    else:
        message = email.message_from_bytes(box.get_bytes(key), policy=email.policy.default)
    if message.defects:
        print(message.defects, file=sys.stderr)
        sys.exit(1)
    parts = list(message.iter_parts())
    files = []
    for part in parts[1:]:
        if part.defects:
            print(part.defects, file=sys.stderr)
            sys.exit(1)
        files.append({"name": part.get_filename(), "sha256": hashlib.sha256(part.get_payload(decode=True)).hexdigest()})
    address = message["from"].addresses[0]
    print(json.dumps({
        "id": message["message-id"].strip(), "subject": str(message["subject"] or ""), "name": address.display_name,
        "address": address.addr_spec, "to": [a.display_name for a in message["to"].addresses],
        "references": (message["references"] or "").split(), "date": message["date"].datetime.isoformat(),
        "text": parts[0].get_payload(decode=True).hex(), "tags": [str(t) for t in message.get_all("x-muster-tag", [])], "files": files,
    }))
