"""A person with a browser, without the browser: follows redirects and fills in forms."""

import re
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests


def parameters(url):
    """The query of a URL."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def log_in(url, user, consent='accept'):
    """From the authorize URL through the pages to the callback, which the application gets."""
    with requests.Session() as browser:
        page = follow(browser, 'GET', url)
        for _ in range(3):
            if isinstance(page, str):
                return page
            path = urlsplit(page.url).path
            if path == '/u/login':
                fields = {'username': user['email'], 'password': user['password'], 'action': 'default'}
            elif path == '/u/consent':
                fields = {'action': consent}
            else:
                break
            state = re.search(r'name="state" value="([^"]*)"', page.text)
            if not state:
                break
            page = follow(browser, 'POST', urljoin(page.url, path), {'state': state[1], **fields})
    raise AssertionError(f'no way back to the application: {page.url} {page.status_code} {page.text}')


def follow(browser, method, url, form=None):
    """To `url` and on, within the server: the URL that leads out to the application, or a page."""
    origin = urlsplit(url)[:2]
    for _ in range(10):
        answer = browser.request(method, url, data=form, allow_redirects=False, timeout=30)
        location = answer.headers.get('Location')
        if not location:
            return answer
        method, url, form = 'GET', urljoin(url, location), None
        if urlsplit(url)[:2] != origin:
            return url
    raise AssertionError(f'redirected in circles, last to {url}')
