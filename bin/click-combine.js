#!/usr/bin/env node
import '../dist/click-combine.js';
