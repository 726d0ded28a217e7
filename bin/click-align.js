#!/usr/bin/env node
import '../dist/click-align.js';
