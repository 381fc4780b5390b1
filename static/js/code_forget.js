// On the pages where one signs in, which signing out leads to as well: this phone forgets whose code it showed last.

import { forget } from "./code_kept.js";

forget();
