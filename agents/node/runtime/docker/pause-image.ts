// What a sandbox runs: a program that holds the pod's namespaces and does nothing else, so small that the agent carries it
// with it. A node needs no registry and no file of its own to start its first pod.
import { arch } from "node:os";

/** What it is called where the engine keeps it. Nobody serves that name: it is never pulled. */
export const ownPauseImage = "lares.dev/pause-v1:latest";

type Machine = {
  /** Of the ELF header. */
  readonly machine: number;
  readonly flags: number;
  readonly is64: boolean;
  /** In hexadecimal, with its constants after it. */
  readonly code: string;
};

/**
 * The program, for each machine by its own system calls:
 *
 *     rt_sigprocmask(SIG_BLOCK, {SIGINT, SIGTERM}, NULL, 8)   the first process of a namespace gets only what it blocks
 *     rt_sigaction(SIGCHLD, {SIG_IGN}, NULL, 8)               the kernel itself buries the orphans of the pod
 *     do n = rt_sigtimedwait({SIGINT, SIGTERM}, NULL, NULL, 8) while (n < 0)
 *     exit(0)
 */
const machines: Readonly<Record<string, Machine>> = {
  x64: {
    machine: 62,
    flags: 0,
    is64: true,
    code: `
      b80e000000 31ff 488d354a000000 31d2 41ba08000000 0f05
      b80d000000 bf11000000 488d3537000000 31d2 41ba08000000 0f05
      b880000000 488d3d19000000 31f6 31d2 41ba08000000 0f05 85c0 78e4
      b83c000000 31ff 0f05
      0240000000000000 0100000000000000 0000000000000000 0000000000000000 0000000000000000`,
  },
  arm64: {
    machine: 183,
    flags: 0,
    is64: true,
    code: `
      e81080d2 000080d2 81020010 020080d2 030180d2 010000d4
      c81080d2 200280d2 01020010 020080d2 030180d2 010000d4
      281180d2 20010010 010080d2 020080d2 030180d2 010000d4 40ffffb7
      a80b80d2 000080d2 010000d4
      0240000000000000 0100000000000000 0000000000000000 0000000000000000 0000000000000000`,
  },
  arm: {
    machine: 40,
    flags: 0x05000200,
    is64: false,
    code: `
      af70a0e3 0000a0e3 50108fe2 0020a0e3 0830a0e3 000000ef
      ae70a0e3 1100a0e3 40108fe2 0020a0e3 0830a0e3 000000ef
      b170a0e3 24008fe2 0010a0e3 0020a0e3 0830a0e3 000000ef 000050e3 f7ffffba
      0170a0e3 0000a0e3 000000ef 0000a0e1
      0240000000000000 0100000000000000 0000000000000000 00000000`,
  },
};

const loadAddress = 0x10000;

/** The program as a file; null for a machine that it was not written for. */
function pauseProgram(machineName: string): Buffer | null {
  const machine = machines[machineName];
  if (machine === undefined) return null;
  const code = Buffer.from(machine.code.replaceAll(/\s/g, ""), "hex");
  return machine.is64 ? elf64(machine, code) : elf32(machine, code);
}

function identification(bits: 32 | 64): Buffer {
  const header = Buffer.alloc(bits === 64 ? 64 + 56 : 52 + 32);
  header.write("\x7fELF", "latin1");
  header[4] = bits === 64 ? 2 : 1;
  header[5] = 1; // little-endian
  header[6] = 1;
  return header;
}

const executable = 2;
const load = 1;
const readAndExecute = 5;

/** Source: ELF-64 object file format, 3 and 8. */
function elf64({ machine, flags }: Machine, code: Buffer): Buffer {
  const header = identification(64);
  const size = header.length + code.length;
  header.writeUInt16LE(executable, 16);
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(loadAddress + header.length), 24);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt32LE(flags, 48);
  for (const [index, value] of [64, 56, 1].entries()) header.writeUInt16LE(value, 52 + 2 * index);
  header.writeUInt32LE(load, 64);
  header.writeUInt32LE(readAndExecute, 68);
  for (const [index, value] of [0, loadAddress, loadAddress, size, size, 0x1000].entries()) {
    header.writeBigUInt64LE(BigInt(value), 72 + 8 * index);
  }
  return Buffer.concat([header, code]);
}

/** Source: System V ABI, object files. */
function elf32({ machine, flags }: Machine, code: Buffer): Buffer {
  const header = identification(32);
  const size = header.length + code.length;
  header.writeUInt16LE(executable, 16);
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeUInt32LE(loadAddress + header.length, 24);
  header.writeUInt32LE(52, 28);
  header.writeUInt32LE(flags, 36);
  for (const [index, value] of [52, 32, 1].entries()) header.writeUInt16LE(value, 40 + 2 * index);
  for (const [index, value] of [load, 0, loadAddress, loadAddress, size, size, readAndExecute, 0x1000].entries()) {
    header.writeUInt32LE(value, 52 + 4 * index);
  }
  return Buffer.concat([header, code]);
}

/** What an engine imports as an image of one file, `/pause`; null when this machine is none of those that are known. */
export function pauseArchive(machineName: string = arch()): Buffer | null {
  const program = pauseProgram(machineName);
  if (program === null) return null;
  const blockBytes = 512;
  const padding = Buffer.alloc((blockBytes - (program.length % blockBytes)) % blockBytes);
  return Buffer.concat([tarHeader("pause", program.length), program, padding, Buffer.alloc(2 * blockBytes)]);
}

/** Source: POSIX pax, ustar header block. */
function tarHeader(name: string, sizeBytes: number): Buffer {
  const block = Buffer.alloc(512);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  block.write(name, 0);
  block.write(octal(0o755, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(sizeBytes, 11), 124);
  block.write(octal(0, 11), 136);
  block.write(" ".repeat(8), 148);
  block.write("0", 156);
  block.write("ustar\x0000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}
