#!/usr/bin/env node
import('../dist/clicklet.js');
