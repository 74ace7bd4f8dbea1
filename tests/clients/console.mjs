// The console in headless Chromium: people who sign in to it, and what every test asks of its pages.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freshPage, launch, logIn, pageIn } from './browser.mjs';
import { management, startDoorward } from './server.mjs';

const installed = createRequire(import.meta.url);
const AXE = installed.resolve('axe-core/axe.min.js');
const SCREENSHOTS = new URL('./screenshots/console/', import.meta.url).pathname;
const SOURCES = new URL('../../src/http/console/assets/', import.meta.url).pathname;

const DESKTOP = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

/** What a page may complain of where a test makes the server refuse or disappear. */
const EXPECTED = /Failed to load resource: (the server responded with a status of 4\d\d|net::ERR_(INTERNET_DISCONNECTED|CONNECTION_REFUSED))/;

/** `doorward admin create`, as it is run beside a server: what it prints, `{url, email, password}`. */
export async function createAdministrator({ folder, env }, email, ...options) {
  const { stdout } = await promisify(execFile)(process.env.DOORWARD_BIN,
    ['admin', 'create', '--email', email, ...options], { cwd: folder, env });
  const told = (name) => new RegExp(`^${name} +(\\S+)`, 'm').exec(stdout)?.[1];
  return { url: told('Console'), email: told('Log in as'), password: told('Password') };
}

/** A page of a console at `url`, signed in as `person`, `{email, password}`, in a browser of their own. */
export async function signIn(browser, url, person) {
  const page = await freshPage(browser, { viewport: DESKTOP });
  if (process.env.CONSOLE_FILES) await serveSources(page);
  await page.goto(url);
  await logIn(page, person);
  await settled(page);
  return page;
}

/** Starts a server (`config` is a configuration file) and a browser; `stop()` ends both. */
export async function setConsole({ config } = {}) {
  const doorward = await startDoorward({ config });
  try {
    const browser = await launch();
    return new Console(doorward, browser);
  } catch (error) {
    await doorward.stop();
    throw error;
  }
}

class Console {
  constructor(doorward, browser) {
    Object.assign(this, { doorward, browser });
    this.issuer = doorward.issuer;
    this.call = management(doorward);
    this.people = 0;
    this.profiles = new Map();
  }

  async stop() {
    await this.browser.close();
    await this.doorward.stop();
  }

  /** Another person with the role of administrators, or with that of those who only look. */
  async addPerson({ viewer = false } = {}) {
    this.people += 1;
    const email = `${viewer ? 'viewer' : 'administrator'}-${this.people}@example.com`;
    const { password } = await createAdministrator(this.doorward, email, ...viewer ? ['--viewer'] : []);
    const [{ user_id }] = await this.call('GET', `users-by-email?email=${encodeURIComponent(email)}`);
    return { email, password, user_id };
  }

  /** A page of the console, signed in as the administrator of quickstart. */
  open(path = '/') {
    return this.openAs(this.doorward.administrator, path);
  }

  /** The same in a browser of its own, for a test that does something to all of the browser. */
  openAlone(path = '/') {
    return signIn(this.browser, `${this.issuer}admin${path}`, this.doorward.administrator);
  }

  /** The same as somebody who may only look. */
  async openAsViewer(path = '/') {
    this.viewer ??= await this.addPerson({ viewer: true });
    return this.openAs(this.viewer, path);
  }

  /**
   * The same as `person`, `{email, password}`. Each person has one browser profile and signs in once: a new one for
   * each page would load the whole console each time.
   */
  async openAs(person, path = '/') {
    const url = `${this.issuer}admin${path}`;
    const profile = this.profiles.get(person.email);
    if (!profile) {
      const first = await signIn(this.browser, url, person);
      this.profiles.set(person.email, first.context());
      return first;
    }
    const page = await pageIn(profile);
    await page.goto(url);
    await settled(page);
    return page;
  }

  /** The demo in a browser of its own, on its way to the login. Who asked for the page closes its context. */
  async openDemo() {
    const page = await freshPage(this.browser);
    await page.goto(this.doorward.demo_url);
    await page.click('#login');
    return page;
  }

  /** The claims of the access token for the first API that somebody gets who logs in at the demo. */
  async claimsAtDemo() {
    const { apis, user } = this.doorward;
    const page = await this.openDemo();
    await logIn(page, user);
    // Of every API: who leaves during an exchange leaves it undone.
    const payloads = page.locator('.api-card .payload', { hasText: '{' });
    await payloads.nth(apis.length - 1).waitFor({ state: 'attached' });
    const claims = JSON.parse(await page.locator(`.api-card[data-audience="${apis[0].audience}"] .payload`).textContent());
    await page.context().close();
    return claims;
  }

  /** Another address in the same page, without a reload. */
  async go(page, path) {
    await page.evaluate((href) => {
      const link = document.createElement('a');
      link.href = href;
      document.body.append(link);
      link.click();
      link.remove();
    }, `/admin${path}`);
    await page.waitForURL(`${this.issuer}admin${path}`);
    await settled(page);
  }
}

/** The claims of a token. */
export const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());

/** Assets from the sources instead of the binary, so that scripts can be tried without a build. */
async function serveSources(page) {
  await page.context().route('**/admin/assets/*/**', (route) => {
    const [, file] = /\/admin\/assets\/[^/]+\/(.+?)(\?|$)/.exec(route.request().url());
    return route.fulfill({ path: join(SOURCES, file) });
  });
}

/** Waits until the page shows what it read. */
export async function settled(page) {
  // The login page has a heading, too.
  await page.waitForSelector('#console main h1');
  await page.waitForFunction(() => !document.querySelector('.skeleton, [aria-busy="true"]'));
}

/** A control by its label, and a button by its name, in a page or in a part of one. */
export const field = (page, label) => page.getByLabel(label, { exact: true });
export const button = (page, name) => page.getByRole('button', { name, exact: true });

/** Waits for the message that something was done. */
export const said = (page, text) => page.locator('.toast', { hasText: text }).last().waitFor();

/** The same, and nothing in the form is unsaved any more. */
export async function saved(page, text) {
  await said(page, text);
  await page.waitForFunction(() => !document.querySelector('.save-bar.dirty'));
}

/** Nothing went wrong in the page, but for what the test provoked. */
export function assertNoProblems(page, expected = EXPECTED) {
  assert.deepEqual(page.problems.filter((problem) => !expected.test(problem)), []);
}

const RULES = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] };
/** Those of them that look at colours: all that can tell dark from light. */
const COLOURS = { type: 'rule', values: ['color-contrast', 'link-in-text-block'] };

const ALL = [
  { colorScheme: 'light', viewport: DESKTOP, rules: RULES },
  { colorScheme: 'dark', viewport: DESKTOP, rules: COLOURS },
  { colorScheme: 'light', viewport: PHONE, rules: RULES },
  { colorScheme: 'dark', viewport: PHONE, rules: COLOURS },
];

// How a page looks does not depend on the database: with the other one it is looked at once.
const APPEARANCES = process.env.TEST_POSTGRES_URL ? ALL.slice(0, 1) : ALL;
// Pictures assert nothing: they are for people.
const PICTURES = !process.env.TEST_POSTGRES_URL && process.env.CI !== 'true';

async function inEachAppearance(page, look) {
  for (const appearance of APPEARANCES) {
    const { colorScheme, viewport } = appearance;
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize(viewport);
    await look(appearance, `${viewport.width}-${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(DESKTOP);
}

async function check(page, { rules }, appearance) {
  if (!await page.evaluate(() => Boolean(window.axe))) {
    // Through the debugger, which the policy of the page does not bind.
    const source = await readFile(AXE, 'utf8');
    await page.evaluate(source);
  }
  const { violations } = await page.evaluate((runOnly) => window.axe.run(document, { runOnly, resultTypes: ['violations'] }), rules);
  const told = violations.map(({ id, help, nodes }) => [
    `${id}: ${help}`, ...nodes.map((node) => `    ${node.html}\n    ${node.failureSummary}`),
  ].join('\n'));
  assert.deepEqual(told, [], `${page.url()} ${appearance}`);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(overflow <= 0, `${page.url()} ${appearance} is ${overflow} pixels wider than the window`);
}

async function picture(page, { viewport: { width, height } }, name) {
  if (!PICTURES) return;
  mkdirSync(SCREENSHOTS, { recursive: true });
  // As high as the page: what sticks to the window would stand in the middle of the picture otherwise.
  const whole = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width, height: Math.max(height, whole) });
  await page.screenshot({ path: `${SCREENSHOTS}${name}.png` });
}

/** axe-core finds nothing on the page as it is now, light and dark, wide and at phone width. */
export async function axe(page) {
  await inEachAppearance(page, (appearance, name) => check(page, appearance, name));
}

/** Pictures of the page as it is now: `screenshots/console/<name>-<width>-<appearance>.png`. */
export async function shots(page, name) {
  await inEachAppearance(page, (appearance, suffix) => picture(page, appearance, `${name}-${suffix}`));
}

/** Both. */
export async function inspect(page, name) {
  await inEachAppearance(page, async (appearance, suffix) => {
    await check(page, appearance, suffix);
    await picture(page, appearance, `${name}-${suffix}`);
  });
}

/** Answers the question that is being asked with its button `act`; types `text` first where that is wanted. */
export async function answer(page, act, text) {
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  if (text) await dialog.getByRole('textbox').fill(text);
  await dialog.getByRole('button', { name: act }).click();
  await dialog.waitFor({ state: 'hidden' });
}

/** The error beside the field with this label. */
export async function fieldError(page, label) {
  const found = field(page, label);
  await page.waitForFunction((element) => element.getAttribute('aria-invalid') === 'true', await found.elementHandle());
  const ids = (await found.getAttribute('aria-describedby')).split(' ');
  return page.locator(`[id="${ids.find((id) => id.endsWith('-error'))}"]`).textContent();
}
