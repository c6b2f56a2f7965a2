"""NIST's Misra1a regression by Newton's method on compiled derivatives; `symdiff demo` runs it too."""

from symdiff.demo.misra1a import main

if __name__ == "__main__":
    main()
