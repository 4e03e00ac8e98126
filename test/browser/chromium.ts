/** Debian's Chromium with nothing that calls home. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM_PATH || '/usr/bin/chromium';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // An origin that is no secure context: every name of this machine is one.
  '--host-resolver-rules=MAP app.test 127.0.0.1',
  // Pages that a test answers count as of the public net; over plain http they could not ask for the way here.
  '--disable-features=LocalNetworkAccessChecks',
];

/** Throws one clear line where there is none: a browser test that did not run has not passed. */
export async function launchChromium(): Promise<Browser> {
  if (!existsSync(CHROMIUM)) {
    throw new Error(
      `The browser tests need Chromium at ${CHROMIUM}: apt-get install chromium, or set CHROMIUM_PATH`,
    );
  }
  return await chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });
}
