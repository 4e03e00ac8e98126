/** A push service on this machine: checks who pushes (VAPID, RFC 8292) and decrypts like a browser (RFC 8188, 8291). */
import { execFileSync } from 'node:child_process';
import { createDecipheriv, createECDH, createPublicKey, hkdfSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import jwt from 'jsonwebtoken';

export interface Pushed {
  text: string;
  headers: IncomingMessage['headers'];
  claims: jwt.JwtPayload;
}

/** A browser's subscription at the service. */
export interface Browser {
  endpoint: string;
  keys: { p256dh: string; auth: string };
  pushed: Pushed[];
  /** What the service answers instead of 201. */
  status: number;
}

export interface PushService {
  /** Trusts the service. */
  agent: Agent;
  subscribe(name: string): Browser;
  stop(): Promise<void>;
}

/** `publicKey`: who may push, as a browser was told when it subscribed. */
export async function startPushService(publicKey: string): Promise<PushService> {
  const { key, cert } = selfSigned();
  const browsers = new Map<string, Browser & { decrypt(body: Buffer): string }>();
  const server = createServer({ key, cert }, async (request, response) => {
    try {
      const browser = browsers.get(request.url ?? '');
      if (browser === undefined) throw new Error(`nobody has subscribed at ${request.url}`);
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      if (browser.status === 201) {
        const claims = verified(request, publicKey, new URL(browser.endpoint).origin);
        const text = browser.decrypt(Buffer.concat(chunks));
        browser.pushed.push({ text, claims, headers: request.headers });
      }
      response.writeHead(browser.status).end();
    } catch (error) {
      response.writeHead(400).end(String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const agent = new Agent({ ca: cert });
  return {
    agent,
    subscribe(name) {
      const { keys, decrypt } = receiver();
      const browser = { endpoint: `${origin}/${name}`, keys, decrypt, pushed: [], status: 201 };
      browsers.set(`/${name}`, browser);
      return browser;
    },
    async stop() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Throws unless the request is signed by who the browsers subscribed to, for this service, and for a day at most. */
function verified(request: IncomingMessage, publicKey: string, audience: string): jwt.JwtPayload {
  const [, token = '', key] = /^vapid t=([^,]+), ?k=(.+)$/.exec(request.headers.authorization ?? '') ?? [];
  if (key !== publicKey) throw new Error('another key');
  const point = Buffer.from(publicKey, 'base64url');
  const jwk = {
    ...{ kty: 'EC', crv: 'P-256' },
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  };
  const verifier = createPublicKey({ key: jwk, format: 'jwk' });
  const claims = jwt.verify(token, verifier, { algorithms: ['ES256'], audience }) as jwt.JwtPayload;
  if ((claims.exp ?? Number.POSITIVE_INFINITY) > Date.now() / 1000 + 24 * 3600) throw new Error('too long');
  return claims;
}

function receiver() {
  const ecdh = createECDH('prime256v1');
  const p256dh = ecdh.generateKeys();
  const auth = randomBytes(16);
  const decrypt = (body: Buffer): string => {
    const idLength = body.readUInt8(20);
    const salt = body.subarray(0, 16);
    const sender = body.subarray(21, 21 + idLength);
    const info = Buffer.concat([Buffer.from('WebPush: info\0'), p256dh, sender]);
    const secret = hkdfSync('sha256', ecdh.computeSecret(sender), auth, info, 32);
    const derive = (label: string, length: number) =>
      Buffer.from(hkdfSync('sha256', Buffer.from(secret), salt, `Content-Encoding: ${label}\0`, length));
    const decipher = createDecipheriv('aes-128-gcm', derive('aes128gcm', 16), derive('nonce', 12));
    decipher.setAuthTag(body.subarray(-16));
    const padded = Buffer.concat([decipher.update(body.subarray(21 + idLength, -16)), decipher.final()]);
    // The last record ends in a 2, and zeros may follow.
    return padded.subarray(0, padded.lastIndexOf(2)).toString();
  };
  return {
    keys: { p256dh: p256dh.toString('base64url'), auth: auth.toString('base64url') },
    decrypt,
  };
}

function selfSigned(): { key: Buffer; cert: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'herald-push-'));
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const name = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync('openssl', ['req', '-x509', ...curve, ...name, '-keyout', key, '-out', cert], {
      stdio: 'pipe',
    });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
