#!/usr/bin/env node
import '../dist/click-buildtool.js';
