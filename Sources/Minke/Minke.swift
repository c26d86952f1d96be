// The umbrella: `import Minke` brings every module that a user needs.
@_exported import MinkeCheckpoints
@_exported import MinkeCore
@_exported import MinkeModels
@_exported import MinkeReading
@_exported import MinkeSearch
@_exported import MinkeText
