// The scripts of every page. Pages work without them: scripts make what is there quick and live.
import "./page.js";
import "./live.js";
import "./keys.js";
import "./time.js";
import "./compose.js";
import "./link.js";
import "./count.js";
import "./scan.js";
import "./typing.js";
import "./strength.js";
import "./slip.js";
import "./notify.js";
import "./skin.js";
import "./copy.js";
import "./search.js";
import "./more.js";
import "./picture.js";
