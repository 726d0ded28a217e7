#!/usr/bin/env node
import '../dist/click-viz.js';
