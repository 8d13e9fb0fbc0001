"""Notifications as the data store sends them, signed with a key that both know."""
import base64
import email.utils
import hashlib
import hmac
import json
import time

from api import MatrixApi, ask

KEY = b"a key that both know"


def start_api(start_server, tmp_path, source, **environment):
    """A server that takes bundles of notifications from that folder."""
    key = tmp_path / "hmac.key"
    key.write_bytes(KEY + b"\n")
    key.chmod(0o600)
    return MatrixApi(start_server(environment={
        "STROMA_DSS_HMAC_KEY_FILE": str(key), "STROMA_DSS_URL": str(source), **environment}))


def notify(api, kind, fqid, number=0, key=KEY, seconds_off=0):
    """The answer's status to one signed event; `number` makes it another one."""
    uuid, version = fqid.split(".", 1)
    body = json.dumps({"event_type": kind, "subscription_id": "s", "transaction_id": str(number),
                       "match": {"bundle_uuid": uuid, "bundle_version": version}}).encode()
    digest = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
    date = email.utils.formatdate(time.time() + seconds_off, usegmt=True)
    text = f"(request-target): post /dss/notification\ndate: {date}\ndigest: {digest}"
    signature = base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
    return ask(api.url + "/dss/notification", "POST", body, {
        "Date": date, "Digest": digest, "Content-Type": "application/json", "Authorization":
        'Signature keyId="k",algorithm="hmac-sha256",headers="(request-target) date digest",'
        f'signature="{signature}"'}).status


def ended_jobs(api):
    """Follows every bundle job to its end; gives them, the newest first."""
    headers = api.server.headers()

    def jobs():
        return ask(api.url + "/v1/jobs?all=true&stage=bundle&limit=100", headers=headers).json()[
            "jobs"]
    for job in jobs():
        api.follow_job(job["id"])
    return jobs()
