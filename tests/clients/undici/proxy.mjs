// What a service on a node without NODE_USE_ENV_PROXY is started with, unchanged itself: NODE_OPTIONS=--import=…/proxy.mjs
import { EnvHttpProxyAgent, setGlobalDispatcher } from "undici";

setGlobalDispatcher(new EnvHttpProxyAgent());
