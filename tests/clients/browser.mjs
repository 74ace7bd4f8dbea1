// Headless Chromium, and the steps that every test takes in it.

import { accessSync, constants, mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { tls } from './transport.mjs';

const SCREENSHOTS = new URL('./screenshots/', import.meta.url).pathname;

const CANDIDATES = [process.env.CHROMIUM_BIN, '/usr/bin/chromium', '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome'];

// The network of a test machine may be closed: without these Chromium phones home at every start.
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];

// Of several such flags only the last counts, so what Playwright switches off stands here, too.
const OFF_BY_PLAYWRIGHT = ['AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose', 'HttpsUpgrades',
  'HttpsFirstBalancedModeAutoEnable', 'LensOverlay', 'MediaRouter', 'PaintHolding', 'ThirdPartyStoragePartitioning',
  'AvoidCorsURLLoaderRestartOnRedirect', 'OptimizationHints', 'NetworkTimeServiceQuerying', 'AimEnabled',
  'PreconnectToSearch'];
// Two hidden pages for the address bar of every window, which cost more than many a page of ours.
const ADDRESS_BAR = ['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup'];
FLAGS.push(`--disable-features=${[...OFF_BY_PLAYWRIGHT, ...ADDRESS_BAR].join(',')}`);

const executablePath = CANDIDATES.find((path) => {
  try {
    if (path) accessSync(path, constants.X_OK);
    return Boolean(path);
  } catch {
    return false;
  }
});

/** Options of a test that needs a browser: without one it is skipped, but on CI it fails. */
export const needsBrowser = {
  skip: !executablePath && process.env.CI !== 'true'
    && 'Chromium is not installed (apt-get install chromium, or set CHROMIUM_BIN)',
  timeout: 120_000,
};

export async function launch() {
  if (!executablePath) throw new Error('Chromium is not installed');
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

/** A page in a fresh profile. What goes wrong inside it lands in `page.problems`. */
export async function freshPage(browser, options = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: tls, ...options });
  context.setDefaultTimeout(15_000);
  return pageIn(context);
}

/** Another page in a profile that there is. */
export async function pageIn(context) {
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') page.problems.push(message.text());
  });
  return page;
}

export async function screenshot(page, name) {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: `${SCREENSHOTS}${name}.png`, fullPage: true });
}

/** Fills in the login page and submits it. */
export async function logIn(page, { email, password }) {
  await page.waitForURL(/\/u\/login\b/);
  await page.fill('#username', email);
  await page.fill('#password', password);
  await page.click('button[name="action"][value="default"]');
}
