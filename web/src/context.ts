import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { Store, type State } from "./store";
import { say, type Word } from "./words";

export const StoreContext = createContext<Store | null>(null);

export interface Lab {
  store: Store;
  state: State;
  t: (word: Word) => string;
}

/** The store, its present state, and words in the chosen language; the component is drawn anew when one of the named
 * parts of the state changes (or its parent is). */
export function useLab(...parts: (keyof State)[]): Lab {
  const store = useContext(StoreContext)!;
  const [, redraw] = useState(0);
  useEffect(() => {
    let seen = store.state;
    return store.subscribe(() => {
      const changed = ["language", "dark", ...parts].some((part) => store.state[part as keyof State] !== seen[part as keyof State]);
      seen = store.state;
      if (changed) redraw((n) => n + 1);
    });
  }, [store]);
  return { store, state: store.state, t: (word) => say(store.state.language, word) };
}
