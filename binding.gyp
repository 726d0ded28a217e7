{
  "targets": [
    {
      "target_name": "clicklet",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake-js",
          "message": "native/CMakeLists.txt is the build description; this only runs it",
          "inputs": ["scripts/install.mjs", "native/CMakeLists.txt"],
          "outputs": ["build/clicklet.node.stamp"],
          "action": ["node", "scripts/install.mjs"]
        }
      ]
    }
  ]
}
