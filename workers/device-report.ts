/* Prints what devices can be used here, as JSON, for `bancada doctor`. */
import { probeDevices } from './devices.js'

console.log(JSON.stringify(await probeDevices(new URL('./device-probe.js', import.meta.url))))
