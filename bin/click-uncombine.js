#!/usr/bin/env node
import '../dist/click-uncombine.js';
