import MinkeCore
