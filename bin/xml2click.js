#!/usr/bin/env node
require('./launch.js').run('xml2click');
