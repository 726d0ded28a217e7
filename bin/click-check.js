#!/usr/bin/env node
import '../dist/click-check.js';
