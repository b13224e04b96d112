"""The content security policy of a page: what a browser may run and fetch in it."""

import re
from html import escape

CHARSET = re.compile(r'<meta charset="utf-8"\s*/?>', re.IGNORECASE)


def put_policy(text: str, policy: str) -> str:
    """Return a page with its policy, before any script in it.

    Raises:
        ValueError: the page does not say its encoding, below which the policy stands.
    """
    content = escape(policy, quote=False)
    meta = f'<meta http-equiv="Content-Security-Policy" content="{content}">'
    page, count = CHARSET.subn(lambda found: f"{found[0]}\n{meta}", text, count=1)
    if count == 0:
        raise ValueError('a page had no <meta charset="utf-8">; its policy stands below it')
    return page
