#!/usr/bin/env node
import '../dist/click-fastclassifier.js';
