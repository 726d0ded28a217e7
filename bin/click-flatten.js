#!/usr/bin/env node
import '../dist/click-flatten.js';
