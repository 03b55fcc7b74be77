namespace Orleans.DOS.Security;

/// <summary>How a credential travels: a bearer token in HTTP, an entry of the request context in Orleans.</summary>
public static class Credentials
{
    /// <summary>The key under which the token stands in <c>Orleans.Runtime.RequestContext</c>.</summary>
    public const string RequestContextKey = "dos.credential";

    /// <summary>Characters of the longest token that is looked at.</summary>
    public const int TokenLengthMax = 512;
}
