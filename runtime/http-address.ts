/** The address of what listens over HTTP at this host and port; IPv6 hosts get their brackets. */
export function httpAddress(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
