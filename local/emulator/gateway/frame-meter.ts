/** Measures WebSocket frames on the bare socket: API Gateway limits each frame, `ws` knows only whole messages. */

/** The longest header: 2 bytes, a 64-bit length and the mask. */
const MAX_HEADER_BYTES = 14;

/** Feed it every byte a client sends after the handshake; it calls `onTooLarge` for each frame whose payload exceeds `maxBytes`. */
export function createFrameMeter(maxBytes: number, onTooLarge: () => void): (chunk: Buffer) => void {
  const header = Buffer.alloc(MAX_HEADER_BYTES);
  let headerBytes = 0;
  let payloadLeft = 0;

  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (payloadLeft > 0) {
        const skipped = Math.min(payloadLeft, chunk.length - at);
        payloadLeft -= skipped;
        at += skipped;
        continue;
      }
      header.writeUInt8(chunk.readUInt8(at++), headerBytes++);
      if (headerBytes < 2 || headerBytes < headerSize(header)) continue;
      headerBytes = 0;
      payloadLeft = payloadSize(header);
      if (payloadLeft > maxBytes) onTooLarge();
    }
  };
}

const shortLength = (header: Buffer): number => header.readUInt8(1) & 0x7f;

function headerSize(header: Buffer): number {
  const short = shortLength(header);
  const mask = header.readUInt8(1) & 0x80 ? 4 : 0;
  return 2 + (short === 127 ? 8 : short === 126 ? 2 : 0) + mask;
}

function payloadSize(header: Buffer): number {
  const short = shortLength(header);
  if (short === 127) return Number(header.readBigUInt64BE(2));
  return short === 126 ? header.readUInt16BE(2) : short;
}
