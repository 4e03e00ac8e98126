/**
 * API Gateway: the handshake waits for authorizer and `$connect`, posts to what is not open answer 410, frames are dispatched
 * concurrently, `$disconnect` comes late or not at all, and a socket may be dead without anybody knowing.
 */
import { subscriberOf } from '../../../lambdas/adapters/dynamodb/subscription-rows.ts';
import type { PostOutcome } from '../../../lambdas/domain/ports/gateway.ts';
import type { AuthorizerContext, AuthorizerResult } from '../../../lambdas/handlers/events.ts';
import type { Permissions } from '../../../lambdas/protocol/permissions.ts';
import type { Invocation } from './invocation.ts';
import type { World } from './world.ts';

const IDLE_MS = 10 * 60_000;
const MAX_AGE_MS = 2 * 3_600_000;
const INTEGRATION_TIMEOUT_MS = 29_000;

/** The client's end. */
export interface Peer {
  opened(socket: Socket): void;
  refused(socket: Socket, status: number): void;
  received(socket: Socket, frame: string): void;
  closed(socket: Socket, code: number): void;
}

export interface Opening {
  userId: string;
  deviceId: string | undefined;
  ackMode: 'auto' | 'client';
  token: string;
  tokenExpiresAt: number;
  /** What the token allows. */
  permissions: Permissions;
  /** The device's older connection stays until this one is ready. */
  handover: boolean;
  /** It offers STOMP, and its `CONNECT` brings the token. */
  isStomp?: boolean;
}

export interface Socket extends Opening {
  id: string;
  peer: Peer;
  state: 'opening' | 'open' | 'closed';
  /** Undefined while it is open. */
  closedAt: number | undefined;
  /** The client is no longer there, and nothing has told the gateway. */
  dead: boolean;
  connectedAt: number;
  context: AuthorizerContext | undefined;
  lastActiveAt: number;
  /** Its client has sent a frame. */
  hasSpoken: boolean;
  /** Until then the client reads nothing, and the gateway's buffer for it is full. */
  fullUntil: number;
  /** When the last frame on its way reaches the client: TCP keeps the order. */
  deliveredAt: number;
}

export class Sockets {
  readonly all = new Map<string, Socket>();
  posts = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Begins a handshake; the peer hears how it ends. */
  connect(opening: Opening, peer: Peer): Socket {
    const { scheduler } = this.#world;
    const socket: Socket = {
      ...opening,
      id: this.#newId(),
      peer,
      state: 'opening',
      closedAt: undefined,
      dead: false,
      connectedAt: scheduler.now,
      context: undefined,
      lastActiveAt: scheduler.now,
      hasSpoken: false,
      fullUntil: 0,
      deliveredAt: 0,
    };
    this.all.set(socket.id, socket);
    this.#handshake(socket).then((status) => {
      if (status === 200) return this.#open(socket);
      socket.state = 'closed';
      socket.closedAt = scheduler.now;
      scheduler.after(this.#latency(), () => peer.refused(socket, status));
    }, this.#world.failed);
    return socket;
  }

  /**
   * Where ids are skewed, the keys of the first connections lie close together, as those of very many
   * would: then what follows them is cut into several ranges.
   */
  #newId(): string {
    const id = `${String(this.all.size + 1).padStart(6, '0')}_Conn-Id=`;
    const { plan, random } = this.#world;
    if (plan.situation !== 'many ranges' || random.chance(0.5)) return id;
    for (let count = 0; ; count++) {
      const candidate = `${count}_${id}`;
      if (subscriberOf(candidate).startsWith('000')) return candidate;
    }
  }

  async #handshake(socket: Socket): Promise<number> {
    const { lambdas, faults, random, scheduler } = this.#world;
    if (faults.strikes('Handshake', 'slow')) await scheduler.sleep(random.logarithmic(500, 20_000));
    if (faults.strikes('Handshake', 'authorizer failed')) return 500;
    const authorized = await lambdas.invoke('authorizer', {
      type: 'REQUEST',
      methodArn: 'arn:aws:execute-api:eu-central-1:1:api/stage/$connect',
      headers: socket.isStomp
        ? { 'sec-websocket-protocol': 'v12.stomp' }
        : { authorization: `Bearer ${socket.token}` },
      queryStringParameters: {
        ...(socket.deviceId !== undefined && { deviceId: socket.deviceId }),
        ack: socket.ackMode,
        ...(socket.handover && { handover: '1' }),
      },
    });
    if (authorized.kind === 'failed') return String(authorized.error) === 'Error: Unauthorized' ? 401 : 500;
    if (authorized.kind === 'crashed') return 500;
    const { policyDocument, context } = authorized.value as AuthorizerResult;
    if (policyDocument.Statement[0].Effect !== 'Allow') return 403;
    socket.context = context;
    const connected = await lambdas.invoke('connect', this.#event(socket, 'CONNECT'));
    if (connected.kind !== 'returned') return 502;
    const opening = faults.strikes('Handshake', 'slow opening')
      ? random.logarithmic(300, 25_000)
      : random.logarithmic(1, 300);
    await scheduler.sleep(opening);
    if (scheduler.now - socket.connectedAt > INTEGRATION_TIMEOUT_MS) return 504;
    return (connected.value as { statusCode: number }).statusCode;
  }

  #open(socket: Socket): void {
    const { scheduler, judge } = this.#world;
    socket.state = 'open';
    socket.lastActiveAt = scheduler.now;
    socket.deliveredAt = scheduler.now + this.#latency();
    judge.opened(socket);
    this.#world.trace(`${socket.id} open: ${socket.userId} ${socket.deviceId} ${socket.ackMode}`);
    scheduler.after(socket.deliveredAt - scheduler.now, () => {
      if (!socket.dead) socket.peer.opened(socket);
    });
    this.#watchIdle(socket);
    scheduler.after(MAX_AGE_MS, () => this.#close(socket, 1001));
  }

  #watchIdle(socket: Socket): void {
    const { scheduler } = this.#world;
    scheduler.after(socket.lastActiveAt + IDLE_MS - scheduler.now, () => {
      if (socket.state !== 'open') return;
      if (scheduler.now - socket.lastActiveAt >= IDLE_MS) this.#close(socket, 1001);
      else this.#watchIdle(socket);
    });
  }

  /** `@connections`, POST and DELETE, at the instant they take effect. */
  manage(invocation: Invocation, action: 'post' | 'close', connectionId: string, frame: string): PostOutcome {
    const { scheduler, judge, faults, random } = this.#world;
    const socket = this.all.get(connectionId);
    this.posts += 1;
    if (socket?.state !== 'open') return 'gone';
    if (action === 'close') {
      this.#close(socket, 1000);
      return 'sent';
    }
    if (faults.strikes('Socket', 'full'))
      socket.fullUntil = scheduler.now + random.logarithmic(500, 5 * 60_000);
    if (scheduler.now < socket.fullUntil) return 'throttled';
    socket.lastActiveAt = scheduler.now;
    judge.accepted(invocation, socket, frame);
    this.#deliver(socket, frame);
    return 'sent';
  }

  #deliver(socket: Socket, frame: string): void {
    const { scheduler } = this.#world;
    socket.deliveredAt = Math.max(socket.deliveredAt, scheduler.now + this.#latency());
    scheduler.after(socket.deliveredAt - scheduler.now, () => {
      if (socket.dead) return;
      this.#world.trace(`${socket.id} hears ${frame.length > 200 ? `${frame.slice(0, 200)}…` : frame}`);
      socket.peer.received(socket, frame);
    });
  }

  /** A frame of the client. They may overtake each other. */
  send(socket: Socket, frame: string): void {
    const { scheduler, lambdas, faults, random } = this.#world;
    const overtaken = faults.strikes('Socket', 'frames out of order');
    scheduler.after(overtaken ? random.logarithmic(50, 3000) : this.#latency(), () => {
      if (socket.state !== 'open' || socket.dead) return;
      socket.lastActiveAt = scheduler.now;
      // That asks for what comes anyway: `ready`, then a replay.
      socket.hasSpoken ||= frame !== FIRST_SYNC;
      this.#world.trace(`${socket.id} says ${frame}`);
      lambdas
        .invoke(isPublish(frame) ? 'notify' : 'message', { ...this.#event(socket, 'MESSAGE'), body: frame })
        .then((outcome) => {
          if (outcome.kind === 'returned' || socket.state !== 'open') return;
          this.#deliver(
            socket,
            `{"message": "Internal server error", "connectionId":"${socket.id}", "requestId":"r"}`,
          );
        }, this.#world.failed);
    });
  }

  /** The client closes, or is cut off: then the gateway notices after a while. */
  leave(socket: Socket, unnoticed: boolean): void {
    const { scheduler, faults, random } = this.#world;
    socket.dead = true;
    if (unnoticed) faults.note('Socket', 'dead but accepting');
    const after = unnoticed ? random.logarithmic(1000, IDLE_MS) : this.#latency();
    scheduler.after(after, () => this.#close(socket, unnoticed ? 1006 : 1005));
  }

  #close(socket: Socket, code: number): void {
    const { scheduler, faults, random, lambdas, judge } = this.#world;
    if (socket.state === 'opening') {
      // The handshake goes on without its client.
      scheduler.after(100, () => this.#close(socket, code));
      return;
    }
    if (socket.state === 'closed') return;
    socket.state = 'closed';
    socket.closedAt = scheduler.now;
    judge.closed(socket);
    this.#world.trace(`${socket.id} closed ${code}`);
    socket.deliveredAt = Math.max(socket.deliveredAt, scheduler.now + this.#latency());
    scheduler.after(socket.deliveredAt - scheduler.now, () => {
      if (!socket.dead) socket.peer.closed(socket, code);
    });
    if (faults.strikes('Socket', 'lost $disconnect')) return;
    const late = faults.strikes('Socket', 'late $disconnect');
    scheduler.after(late ? random.logarithmic(1000, 3_600_000) : random.logarithmic(1, 500), () => {
      lambdas.invoke('disconnect', this.#event(socket, 'DISCONNECT')).catch(this.#world.failed);
    });
  }

  #event(socket: Socket, eventType: 'CONNECT' | 'MESSAGE' | 'DISCONNECT') {
    const { id: connectionId, connectedAt, context: authorizer } = socket;
    const requestTimeEpoch = Math.floor(this.#world.scheduler.now);
    const identity = { sourceIp: '192.0.2.1' };
    return {
      requestContext: { eventType, connectionId, connectedAt, requestTimeEpoch, identity, authorizer },
    };
  }

  #latency(): number {
    const { random } = this.#world;
    return random.chance(0.05) ? random.logarithmic(50, 3000) : random.logarithmic(1, 50);
  }
}

/** As a client sends it when its socket opens. */
const FIRST_SYNC = JSON.stringify({ action: 'sync', first: true });

/** The route that API Gateway selects by the frame's `action`. */
function isPublish(frame: string): boolean {
  try {
    return JSON.parse(frame)?.action === 'publish';
  } catch {
    return false;
  }
}
