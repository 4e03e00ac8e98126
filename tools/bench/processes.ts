/** What a process of this machine has used so far. */
import { readFileSync } from 'node:fs';

const CLOCK_TICKS_PER_SECOND = 100;

/** User and system time in milliseconds; 0 once it has ended. Linux only. */
export function cpuMsOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / CLOCK_TICKS_PER_SECOND;
  } catch {
    return 0; // gone, and its time with it
  }
}

/** Resident memory in MB. */
export function memoryMbOf(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
}

export interface Process {
  pid: number;
  command: string;
}

/** Its children and theirs. */
export const descendantsOf = (pid: number): Process[] =>
  childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child.pid)]);

function childrenOf(pid: number): Process[] {
  try {
    const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    return pids.map((child) => ({
      pid: Number(child),
      command: readFileSync(`/proc/${child}/cmdline`, 'utf8'),
    }));
  } catch {
    return []; // it has ended meanwhile
  }
}
