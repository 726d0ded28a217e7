#!/usr/bin/env node
import '../dist/click-xform.js';
