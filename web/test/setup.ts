/** What a browser has and Node.js has not. */
class NoObserver {
  observe(): void {}
  disconnect(): void {}
}

Object.assign(globalThis, { ResizeObserver: NoObserver });
