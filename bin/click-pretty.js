#!/usr/bin/env node
import '../dist/click-pretty.js';
