// A person with a browser, without the browser: follows redirects and keeps cookies, by hand.

/** The text of an attribute. */
function unescaped(text) {
  return text.replace(/&#(?:x([0-9a-f]+)|(\d+));/gi,
    (entity, hex, decimal) => String.fromCodePoint(hex ? parseInt(hex, 16) : Number(decimal))).replaceAll('&amp;', '&');
}

/** Ends where the pages of the server end: at the application, or at a page that is an answer. */
export class Visitor {
  cookies = new Map();

  async go(url, options = {}) {
    const headers = { ...options.headers, Cookie: [...this.cookies].map((pair) => pair.join('=')).join('; ') };
    const response = await fetch(url, { ...options, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (/max-age=0\b|expires=[^;]* 1970\b/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    const location = response.headers.get('location');
    return { url, response, next: location && new URL(location, url) };
  }

  /** To `url` and on, within the server: `callback` if it leads out to the application, or `html`. */
  async follow(url, options) {
    const { origin } = new URL(url);
    let step = await this.go(url, options);
    for (let hop = 0; step.next; hop += 1) {
      if (hop === 10) throw new Error(`redirected in circles, last to ${step.next}`);
      if (step.next.origin !== origin) return { callback: step.next };
      step = await this.go(step.next);
    }
    return { url: step.url, status: step.response.status, html: await step.response.text() };
  }

  /** Sends the form of a page, with its hidden fields. */
  submit(page, fields = {}) {
    const action = /<form method="post" action="([^"]*)"/.exec(page.html)?.[1];
    if (!action) throw new Error(`no form at ${page.url}: ${page.status} ${page.html}`);
    const hidden = [...page.html.matchAll(/type="hidden" name="([^"]*)" value="([^"]*)"/g)]
      .map(([, ...pair]) => pair.map(unescaped));
    return this.follow(new URL(unescaped(action), page.url), {
      method: 'POST', body: new URLSearchParams({ ...Object.fromEntries(hidden), ...fields }),
    });
  }

  /** Goes to the authorize URL and gives the password, if asked. */
  async visit(url, { email, password }) {
    const page = await this.follow(url);
    if (page.callback || new URL(page.url).pathname !== '/u/login') return page;
    return this.submit(page, { username: email, password, action: 'default' });
  }
}

/** From the authorize URL through the pages to the callback, which the application gets. */
export async function logIn(url, user, { consent = 'accept' } = {}) {
  const visitor = new Visitor();
  let page = await visitor.visit(url, user);
  if (page.html && new URL(page.url).pathname === '/u/consent') {
    page = await visitor.submit(page, { action: consent });
  }
  if (!page.callback) throw new Error(`no way back to the application: ${page.status} ${page.html}`);
  return page.callback;
}
