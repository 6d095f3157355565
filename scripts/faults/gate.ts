import { connect, createServer, type Socket } from 'node:net';

/** A door in front of a server: open, it passes everything on; shut, it cuts what runs through it and refuses what comes. */
export interface Gate {
  address: string;
  shut: () => void;
  open: () => void;
  close: () => Promise<void>;
}

/** Opens a gate on a free port of loopback in front of host:port. */
export async function createGate(target: string): Promise<Gate> {
  const [host = '', port = ''] = target.split(':');
  const passing = new Set<Socket>();
  let shut = false;
  const server = createServer((coming) => {
    if (shut) return void coming.resetAndDestroy();
    const going = connect({ host, port: Number(port), noDelay: true });
    coming.setNoDelay(true);
    for (const [from, to] of [
      [coming, going],
      [going, coming],
    ] as const) {
      passing.add(from);
      from.once('close', () => {
        passing.delete(from);
        to.destroy();
      });
      from.on('error', () => to.resetAndDestroy());
      from.pipe(to);
    }
  });
  await new Promise<void>((settle) => server.listen({ host: '127.0.0.1', port: 0 }, settle));
  const found = server.address();
  const cut = () => {
    for (const socket of passing) socket.resetAndDestroy();
  };
  return {
    address: `127.0.0.1:${typeof found === 'object' ? found?.port : ''}`,
    shut: () => {
      shut = true;
      cut();
    },
    open: () => {
      shut = false;
    },
    close: async () => {
      const closed = new Promise((settle) => server.close(settle));
      cut();
      await closed;
    },
  };
}
