namespace Orleans.DOS.Jobs;

/// <summary>The layers of a job's work, in the order in which they are done.</summary>
public enum TaskLayer { Sample = 0, Map = 1, Reduce = 2 }
