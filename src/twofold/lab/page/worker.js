(function(){let e=self,t=new URL(`.`,e.location.href).href,n=[],r=null;e.onmessage=({data:t})=>{r===null?n.push(t):e.postMessage({text:r(t)})};async function i(){let i=fetch(`${t}twofold.zip`).then(e=>{if(!e.ok)throw Error(`twofold.zip: ${e.status}`);return e.arrayBuffer()});e.postMessage({progress:.1}),e.importScripts(`${t}pyodide/pyodide.js`);let a=await loadPyodide({indexURL:`${t}pyodide/`,packages:[`numpy`]});e.postMessage({progress:.7}),a.FS.writeFile(`/twofold.zip`,new Uint8Array(await i)),a.runPython(`
import sys
sys.path.insert(0, "/twofold.zip")
from twofold.lab.session import Session
answer = Session().answer
`),r=a.globals.get(`answer`),e.postMessage({progress:1});for(let t of n.splice(0))e.postMessage({text:r(t)})}i().catch(t=>e.postMessage({error:`the engine could not be loaded: ${String(t)}`}))})();