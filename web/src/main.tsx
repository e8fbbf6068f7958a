import { render } from "preact";
import { App } from "./app";
import { StoreContext } from "./context";
import { Store } from "./store";
import "./style.css";

const store = new Store();
render(
  <StoreContext.Provider value={store}>
    <App />
  </StoreContext.Provider>,
  document.getElementById("lab")!,
);
void store.start();

declare global {
  interface Window {
    lab: Store; // for tests, and for those who look behind the page
  }
}
window.lab = store;
