#!/usr/bin/env node
import '../dist/click-devirtualize.js';
