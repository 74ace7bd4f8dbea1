"""A person with a browser, without the browser: follows redirects and fills in forms."""

import re
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests


def parameters(url):
    """The query of a URL."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def log_in(url, user, consent='accept', browser=None):
    """From the authorize URL through the pages to the callback, which the application gets."""
    browser = browser or requests.Session()
    page = answer_pages(browser, follow(browser, 'GET', url), user, {'/u/consent': {'action': consent}})
    if not isinstance(page, str):
        raise AssertionError(f'no way back to the application: {page.url} {page.status_code} {page.text}')
    return page


def activate(url, user, action='confirm'):
    """To the address that a device shows, and through the pages to the last of them."""
    browser = requests.Session()
    code = {'user_code': parameters(url)['user_code']}
    page = follow(browser, 'POST', url.split('?')[0], code)
    return answer_pages(browser, page, user, {'/activate/confirm': {'action': action}})


def answer_pages(browser, page, user, answers):
    """Answers each page of the server once: where the last answer leads."""
    answers = {'/u/login': {'username': user['email'], 'password': user['password'], 'action': 'default'}, **answers}
    while not isinstance(page, str):
        fields = answers.pop(urlsplit(page.url).path, None)
        state = re.search(r'name="state" value="([^"]*)"', page.text)
        if not fields or not state:
            break
        page = follow(browser, 'POST', page.url.split('?')[0], {'state': state[1], **fields})
    return page


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
