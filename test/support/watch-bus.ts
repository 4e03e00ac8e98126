/** What the bus of a local stack gets, from now on. */

export interface BusEvent {
  source: string;
  'detail-type': string;
  detail: { userId: string; at: number; [field: string]: unknown };
}

export interface BusWatch {
  /** Grows as they come. */
  events: BusEvent[];
  stop(): void;
}

export async function watchBus(httpUrl: string): Promise<BusWatch> {
  const stopped = new AbortController();
  const { body } = await fetch(`${httpUrl}/local/events`, { signal: stopped.signal });
  const events: BusEvent[] = [];
  void readEvents(body as ReadableStream<Uint8Array>, events);
  return { events, stop: () => stopped.abort() };
}

/** Until it is stopped. */
async function readEvents(body: ReadableStream<Uint8Array>, events: BusEvent[]): Promise<void> {
  let text = '';
  try {
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const complete = text.split('\n\n');
      text = complete.pop() ?? '';
      events.push(...complete.map((event) => JSON.parse(event.replace(/^data: /, ''))));
    }
  } catch {
    // Aborted.
  }
}
