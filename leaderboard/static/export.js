// Tables as files.
"use strict";
