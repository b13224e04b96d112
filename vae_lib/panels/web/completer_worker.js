// The completer's worker: completes one image at a time, so that the page's frames need not wait.
import { unpack } from "./vae.js";
import { complete } from "./completion.js";

let given; // the network that came with the page

self.onmessage = ({ data: { network, task } }) => {
  if (network) given = unpack(network);
  if (task) postMessage(complete(given, task));
};
