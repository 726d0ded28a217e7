#!/usr/bin/env node
import '../dist/click.js';
