/// Hears how far a long job has come: units done so far, and how many there are in all.
///
/// It is called from whichever thread does the work, one call at a time, with `completed` never falling.
public typealias ProgressHandler = @Sendable (_ completed: Int, _ total: Int) -> Void
